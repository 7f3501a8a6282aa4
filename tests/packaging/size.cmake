# The size of the library: the archive without debug information, and the code of the installed headers
# (without comments, so that documentation costs nothing).
#   cmake -D archive=libunroll.a -D root=SOURCE -D strip=strip -D limit=BYTES -D work=FOLDER -P size.cmake
cmake_minimum_required(VERSION 3.25)
include(${root}/cmake/PublicHeaders.cmake)
set(headers_limit 180000)  # they compile in under 1.5 s

file(MAKE_DIRECTORY ${work})
execute_process(COMMAND ${strip} --strip-debug -o ${work}/stripped.a ${archive} COMMAND_ERROR_IS_FATAL ANY)
file(SIZE ${archive} built)
file(SIZE ${work}/stripped.a stripped)
file(REMOVE ${work}/stripped.a)

public_headers(${root} headers)
set(headers_size 0)
foreach(header IN LISTS headers ITEMS unroll.h)
  file(READ ${root}/${header} code)
  string(REGEX REPLACE "[ \t]*(//[^\n]*)?\n" "\n" code "${code}")
  string(REGEX REPLACE "\n+" "\n" code "${code}")
  string(LENGTH "${code}" size)
  math(EXPR headers_size "${headers_size} + ${size}")
endforeach()
list(LENGTH headers count)
math(EXPR count "${count} + 1")

message("libunroll.a: ${built} bytes, ${stripped} without debug information (limit ${limit})")
message("${count} headers: ${headers_size} bytes without comments (limit ${headers_limit})")
if(stripped GREATER limit)
  message(SEND_ERROR "the static library is larger than ${limit} bytes: ${stripped}")
endif()
if(headers_size GREATER headers_limit)
  message(SEND_ERROR "the code of the installed headers is larger than ${headers_limit} bytes: ${headers_size}")
endif()
