# find_package(unroll) gives the target unroll::unroll. The library is static, so a program also
# links what is behind it: Highway, OpenBLAS and utf8proc, found as the build of the library found them.
include(CMakeFindDependencyMacro)
find_dependency(fmt)
find_dependency(Threads)
find_dependency(PkgConfig)
pkg_check_modules(hwy REQUIRED QUIET IMPORTED_TARGET libhwy)
pkg_check_modules(openblas REQUIRED QUIET IMPORTED_TARGET openblas)
pkg_check_modules(utf8proc REQUIRED QUIET IMPORTED_TARGET libutf8proc)
include(${CMAKE_CURRENT_LIST_DIR}/unrollTargets.cmake)
