# The script includes.cmake must see each kind of fault: plants one at a time in a small tree and
# looks for the sentence that names it.
# usage: cmake -D work=DIR -P includes_test.cmake
cmake_minimum_required(VERSION 3.25)

# try(FILE INCLUDE EXPECTED): EXPECTED is the complaint about FILE, or "" where there must be none.
function(try file include expected)
  file(REMOVE_RECURSE ${work})
  file(WRITE ${work}/unroll.h "#include <unroll/tensor/tensor.h>\n")
  file(WRITE ${work}/tensor/tensor.h "#include <unroll/tensor/shape.h>\n")
  file(WRITE ${work}/tensor/shape.h "#include <vector>\n")
  file(WRITE ${work}/tensor/kernels/rows.h "#include <hwy/highway.h>\n")
  file(APPEND ${work}/${file} "  #  include ${include}  // planted\n")
  execute_process(COMMAND ${CMAKE_COMMAND} -D root=${work} -P ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/includes.cmake
                  RESULT_VARIABLE status ERROR_VARIABLE said OUTPUT_QUIET)
  if(expected STREQUAL "")
    if(NOT status EQUAL 0)
      message(SEND_ERROR "${file} with ${include} was refused: ${said}")
    endif()
  else()
    string(FIND "${said}" "${expected}" position)
    if(status EQUAL 0 OR position EQUAL -1)
      message(SEND_ERROR "${file} with ${include}: not seen as '${expected}': ${said}")
    endif()
  endif()
endfunction()

try(tensor/a.cpp "<unroll/tensor/shape.h>" "")
try(autograd/a.cpp "<unroll/tensor/shape.h>" "")
try(nn/a.cpp "<unroll/autograd/var.h>" "")
try(tensor/a.cpp "<unroll/autograd/var.h>" "tensor/a.cpp: tensor/ must not know autograd/")
try(autograd/ops/a.cpp "<unroll/nn/lstm.h>" "autograd/ops/a.cpp: autograd/ must not know nn/")
try(optim/a.cpp "<unroll/nn/module.h>" "optim/a.cpp: optim/ must not know nn/")
try(nn/a.cpp "<unroll/optim/adam.h>" "nn/a.cpp: nn/ must not know optim/")
try(data/a.cpp "<unroll/nn/sequence.h>" "data/a.cpp: data/ must not know nn/")
try(data/a.cpp "<unroll/autograd/var.h>" "data/a.cpp: data/ must not know autograd/")
try(tensor/a.cpp "<unroll/unroll.h>" "tensor/a.cpp: the library itself never includes")
try(nn/a.cpp "\"lstm.h\"" "nn/a.cpp: \"lstm.h\" is spelled")
try(tensor/kernels/gemm.cpp "<cblas.h>" "")
try(tensor/kernels/blas_core.cpp "<cblas.h>" "")
try(tensor/kernels/rows.cpp "<cblas.h>" "tensor/kernels/rows.cpp: only tensor/kernels/gemm and blas_core call BLAS")
try(nn/save.cpp "<rapidjson/document.h>" "")
try(tensor/shape.h "<rapidjson/document.h>" "tensor/shape.h: reached from unroll.h, must not bring in")
try(tensor/shape.h "<unroll/tensor/kernels/rows.h>"
    "tensor/kernels/rows.h: reached from unroll.h, must not bring in")
try(tensor/shape.h "<unroll/tensor/kernels/rows.h>"
    "tensor/shape.h: reached from unroll.h, must not know kernels")
try(nn/lstm.h "<vector>" "nn/lstm.h: missing from unroll.h")
try(tensor/tensor.h "<unroll/tensor/typo.h>" "tensor/typo.h: included, but not there")
