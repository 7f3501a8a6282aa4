# What must not compile: the file is refused, with the words of its first line.
# usage: cmake -D compiler=CXX -D include=DIR -D file=FILE -P refused.cmake
file(STRINGS ${file} first LIMIT_COUNT 1)
string(REGEX REPLACE "^// " "" expected "${first}")
execute_process(COMMAND ${compiler} -std=c++20 -fsyntax-only -I ${include} ${file}
                RESULT_VARIABLE result OUTPUT_VARIABLE text ERROR_VARIABLE text)
if(result EQUAL 0)
  message(FATAL_ERROR "${file} compiles")
endif()
string(REPLACE "\\\"" "\"" text "${text}")  # clang shows the string as it is written
string(FIND "${text}" "${expected}" at)
if(at EQUAL -1)
  message(FATAL_ERROR "expected '${expected}' in:\n${text}")
endif()
