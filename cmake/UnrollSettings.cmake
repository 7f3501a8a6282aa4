# What every target of this project is compiled with. What concerns a whole build is decided only
# where the build is ours: a project that takes the library in by add_subdirectory keeps its own ways.
if(PROJECT_IS_TOP_LEVEL)
  if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release)
  endif()
  find_program(UNROLL_CCACHE ccache)
  mark_as_advanced(UNROLL_CCACHE)
  if(UNROLL_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${UNROLL_CCACHE})
  endif()
endif()

if(UNROLL_SANITIZE)
  add_compile_options(-fsanitize=${UNROLL_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=${UNROLL_SANITIZE})
endif()

function(unroll_settings target)
  target_compile_features(${target} PRIVATE cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wno-sign-compare
    $<$<BOOL:${UNROLL_WERROR}>:-Werror>)
endfunction()
