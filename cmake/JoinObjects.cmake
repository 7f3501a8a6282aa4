# Joins the objects of each folder of the library into one, so that libunroll.a holds each inline function and
# template once per folder, not once per source file: a quarter less. Names of local symbols are left out, which
# saves another tenth. The code of each source file stays a section of its own, so that a linker (--gc-sections)
# can still leave out what a program does not use.
#   cmake -D "objects=A.o;B.o" -D "rooms=tensor;nn" -D archive=libunroll.a -D work=FOLDER -D ld=ld -D ar=ar -P ...
cmake_minimum_required(VERSION 3.25)
file(MAKE_DIRECTORY ${work})
set(joined "")
foreach(room IN LISTS rooms)
  set(of_room ${objects})
  list(FILTER of_room INCLUDE REGEX "unroll\\.dir/(./)?${room}/")
  execute_process(COMMAND ${ld} -r -x --unique=.text -o ${work}/${room}.o ${of_room} COMMAND_ERROR_IS_FATAL ANY)
  list(APPEND joined ${work}/${room}.o)
  list(REMOVE_ITEM objects ${of_room})
endforeach()
if(objects)
  message(FATAL_ERROR "every object was required to be in a folder of ${rooms}: got ${objects}")
endif()
file(REMOVE ${archive})
execute_process(COMMAND ${ar} qcs ${archive} ${joined} COMMAND_ERROR_IS_FATAL ANY)
