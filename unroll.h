// All of unroll.
#pragma once

#include <unroll/autograd/ops.h>
