#include <unroll/autograd/fused.h>

namespace unroll {
namespace {
thread_local bool t_use_reference = false;
}  // namespace

UseReference::UseReference() : before_(std::exchange(t_use_reference, true)) {}
UseReference::~UseReference() { t_use_reference = before_; }
bool UseReference::active() { return t_use_reference; }

}  // namespace unroll
