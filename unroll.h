// All of unroll.
#pragma once

#include <unroll/autograd/gradcheck.h>
#include <unroll/autograd/ops.h>
#include <unroll/data/batches.h>
#include <unroll/data/csv.h>
#include <unroll/data/fasta.h>
#include <unroll/data/split.h>
#include <unroll/data/vocabulary.h>
#include <unroll/nn/attention.h>
#include <unroll/nn/init.h>
#include <unroll/nn/layers.h>
#include <unroll/nn/loss.h>
#include <unroll/nn/recurrent.h>
#include <unroll/nn/save.h>
#include <unroll/optim/optimizer.h>
#include <unroll/optim/schedule.h>
#include <unroll/tensor/build_info.h>
#include <unroll/tensor/indexing.h>
#include <unroll/tensor/math.h>
#include <unroll/tensor/matmul.h>
#include <unroll/tensor/memory.h>
#include <unroll/tensor/npy.h>
#include <unroll/tensor/reduce.h>
#include <unroll/tensor/threads.h>
