#include <unroll/autograd/mode.h>
#include <unroll/autograd/tape.h>

#include <utility>

namespace unroll {
namespace {
thread_local std::optional<bool> t_training;
}  // namespace

bool training() { return t_training.value_or(recording()); }

TrainingMode::TrainingMode(bool training) : before_(std::exchange(t_training, training)) {}
TrainingMode::~TrainingMode() { t_training = before_; }

}  // namespace unroll
