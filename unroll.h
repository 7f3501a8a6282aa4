// The umbrella header: includes all of unroll.
#pragma once

#include <unroll/tensor/build_info.h>
#include <unroll/tensor/error.h>
#include <unroll/tensor/file.h>
#include <unroll/tensor/index_tensor.h>
#include <unroll/tensor/indexing.h>
#include <unroll/tensor/math.h>
#include <unroll/tensor/matmul.h>
#include <unroll/tensor/memory.h>
#include <unroll/tensor/npy.h>
#include <unroll/tensor/random.h>
#include <unroll/tensor/reduce.h>
#include <unroll/tensor/safetensors.h>
#include <unroll/tensor/sequence_layout.h>
#include <unroll/tensor/shape.h>
#include <unroll/tensor/tensor.h>
#include <unroll/tensor/threads.h>
#include <unroll/tensor/types.h>

#include <unroll/autograd/fused.h>
#include <unroll/autograd/gradcheck.h>
#include <unroll/autograd/gradients.h>
#include <unroll/autograd/mode.h>
#include <unroll/autograd/op.h>
#include <unroll/autograd/ops.h>
#include <unroll/autograd/param.h>
#include <unroll/autograd/sequence/attention.h>
#include <unroll/autograd/sequence/cells.h>
#include <unroll/autograd/sequence/conv.h>
#include <unroll/autograd/sequence/recurrent.h>
#include <unroll/autograd/sequence/scan.h>
#include <unroll/autograd/sequence/selective_scan.h>
#include <unroll/autograd/sequence/time_loop.h>
#include <unroll/autograd/tape.h>
#include <unroll/autograd/var.h>

#include <unroll/nn/attention.h>
#include <unroll/nn/cells.h>
#include <unroll/nn/gathered.h>
#include <unroll/nn/init.h>
#include <unroll/nn/layers.h>
#include <unroll/nn/loss.h>
#include <unroll/nn/mamba.h>
#include <unroll/nn/module.h>
#include <unroll/nn/options.h>
#include <unroll/nn/recurrent.h>
#include <unroll/nn/save.h>
#include <unroll/nn/scan.h>
#include <unroll/nn/sequence.h>
#include <unroll/nn/unroll.h>

#include <unroll/optim/optimizer.h>
#include <unroll/optim/schedule.h>

#include <unroll/data/batches.h>
#include <unroll/data/bio/fasta.h>
#include <unroll/data/split.h>
#include <unroll/data/table/csv.h>
#include <unroll/data/table/dates.h>
#include <unroll/data/table/numbers.h>
#include <unroll/data/table/sniff.h>
#include <unroll/data/text/vocabulary.h>
