# cmake --install gives find_package(unroll) with unroll::unroll.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/unroll)

install(TARGETS unroll EXPORT unrollTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
public_headers(${PROJECT_SOURCE_DIR} headers)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS unroll.h)  # it names them
foreach(header IN LISTS headers)
  cmake_path(GET header PARENT_PATH folder)
  install(FILES ${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/unroll/${folder})
endforeach()
install(FILES unroll.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/unroll)
install(EXPORT unrollTargets NAMESPACE unroll:: DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/unrollConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES cmake/unrollConfig.cmake ${PROJECT_BINARY_DIR}/unrollConfigVersion.cmake
        DESTINATION ${package_dir})
