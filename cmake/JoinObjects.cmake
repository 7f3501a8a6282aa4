# Joins the objects of each folder of the library into one, so that libunroll.a holds each inline function and
# template once per folder, not once per source file: a quarter less. The code of each source file stays a
# section of its own, so that a linker (--gc-sections) can still leave out what a program does not use.
#   cmake -D "objects=A.o;B.o" -D "folders=tensor;nn" -D archive=libunroll.a -D work=FOLDER -D ld=ld -D ar=ar -P ...
cmake_minimum_required(VERSION 3.25)
file(MAKE_DIRECTORY ${work})
set(joined "")
foreach(folder IN LISTS folders)
  set(of_folder ${objects})
  list(FILTER of_folder INCLUDE REGEX "unroll\\.dir/(./)?${folder}/")
  execute_process(COMMAND ${ld} -r --unique=.text -o ${work}/${folder}.o ${of_folder} COMMAND_ERROR_IS_FATAL ANY)
  list(APPEND joined ${work}/${folder}.o)
  list(REMOVE_ITEM objects ${of_folder})
endforeach()
if(objects)
  message(FATAL_ERROR "every object was required to be in a folder of ${folders}: got ${objects}")
endif()
file(REMOVE ${archive})
execute_process(COMMAND ${ar} qcs ${archive} ${joined} COMMAND_ERROR_IS_FATAL ANY)
