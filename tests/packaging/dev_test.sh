#!/usr/bin/env bash
# ./dev on systems without apt: dev_test.sh DEV WORK runs a copy of it with a PATH on which there is
# little but what a case puts there.
set -euo pipefail
dev=$1 work=$2

fail() { printf '%s\nfailed: %s\n' "$out" "$*" >&2; exit 1; }

# new_system PROGRAM...: a system with these programs, all of which only say their version.
new_system() {
  rm -rf "$work"
  mkdir -p "$work/bin"
  cp "$dev" "$work/dev"
  for tool in bash env awk basename cat dirname grep head id ls mkdir nproc rm sed sort tee tr; do
    ln -s "$(command -v $tool)" "$work/bin/$tool"
  done
  for tool in "$@"; do
    cat >"$work/bin/$tool" <<END
#!/bin/sh
echo $tool version 3.30.0
END
    chmod +x "$work/bin/$tool"
  done
}

# expect STATUS COMMAND TEXT...: ./dev COMMAND, which may have options, ends so and says all of this.
expect() {
  local status=0 wanted=$1 command=$2 words
  shift 2
  read -ra words <<<"$command"
  out=$(env -u CXX PATH="$work/bin" "$work/dev" "${words[@]}" 2>&1 </dev/null) || status=$?
  [ "$status" = "$wanted" ] || fail "./dev $command ended with $status, not $wanted"
  for text in "$@"; do [[ $out == *"$text"* ]] || fail "./dev $command does not say: $text"; done
}

new_system dnf
expect 1 build "missing here: compiler cmake" "dnf install" gcc-c++ openblas-devel gnuplot-minimal
new_system pacman
expect 1 test "pacman -S" openblas rapidjson
new_system brew
expect 1 demo "brew install" google-benchmark
new_system
expect 1 info "what Debian calls" libopenblas-dev
expect 0 --help "usage: ./dev COMMAND"

# What cannot be meant is one line, before anything is installed or built.
for misuse in nonsense "demo --json" "info --bogus" "lint x" "format x"; do
  expect 2 "$misuse" "required: got ${misuse#* }; see ./dev --help"
  [[ $out != *$'\n'* ]] || fail "./dev $misuse says more than one line"
done

# A program that cmake leaves out is left out of the demo; the others are built and shown.
new_system dnf c++ cmake ninja pkg-config gnuplot fc-list
cat >"$work/bin/cmake" <<END
#!/bin/sh
echo "cmake version 3.30.0"
echo "-- The program speech is left out: it needs libflac (libflac-dev)"
echo "\$*" >>"$work/calls"
END
mkdir -p "$work/examples/speech" "$work/examples/prices"
echo 'say "speech was run"' >"$work/examples/speech/demo.sh"
echo 'say "prices was run"' >"$work/examples/prices/demo.sh"
expect 0 "demo speech prices" "The program speech is left out: it needs libflac (libflac-dev)" \
  "prices was run"
[[ $out != *"speech was run"* ]] || fail "a program that was left out was run"
[[ $(<"$work/calls") == *"--target example_prices"* ]] || fail "prices was not built"
[[ $(<"$work/calls") != *example_speech* ]] || fail "a target that does not exist was built"
expect 1 "demo speech" "The program speech is left out" "got speech"

# An experiment that does not exist is refused with the names of those that do.
new_system
mkdir -p "$work/examples/lab"
touch "$work/examples/lab/cost.cpp" "$work/examples/lab/page.cpp"
for misuse in "--only nonsense" "--only cost,nonsense"; do
  expect 2 "lab $misuse" "lab: experiments (cost) were required: got nonsense; see ./dev --help"
  [[ $out != *$'\n'* ]] || fail "./dev lab $misuse says more than one line"
done
expect 2 "lab --only" "a value for --only was required: got none"
expect 2 "lab --only ," "lab: experiments (cost) were required: got "
expect 2 "lab --seed x" "a whole number was required for --seed: got x"
expect 2 "lab --seed 1 --threads 2 --seed 3" "--seed was required once: got two"
expect 2 "lab --threads 257" "1 to 256 threads were required: got 257"
expect 2 "lab cost" "--only, --full, --seed or --threads was required: got cost"

# An experiment that fails does not stop the others, and the page is made.
new_system c++ cmake ninja pkg-config gnuplot fc-list
mkdir -p "$work/examples/lab" "$work/build/release/examples/lab"
touch "$work"/examples/lab/{bad,good,idle,page}.cpp
cat >"$work/build/release/examples/lab/bad" <<END
#!/bin/sh
echo "bad was run"
exit 2
END
cat >"$work/build/release/examples/lab/good" <<END
#!/bin/sh
echo "good was run with \$*"
echo {} >"\${*##* }"
END
cat >"$work/build/release/examples/lab/page" <<END
#!/bin/sh
echo "the page of \$*"
END
chmod +x "$work"/build/release/examples/lab/*
expect 1 "lab --only bad,good --seed 7" "bad was run" \
  "good was run with --seed 7 --page build/lab --json build/lab/good.json" \
  "the page of build/lab bad good --seed 7" "experiments failed; the page shows which"
expect 0 "lab --only good --full" "good was run with --full" "the page of build/lab bad good"
expect 0 "lab --only good,good" "good was run"
[[ ${out#*good was run} != *"good was run"* ]] || fail "an experiment named twice was run twice"

# What is there is not asked for; pictures, and a program with a package of its own, are a luxury.
new_system dnf c++ cmake ninja pkg-config espeak-ng
expect 0 build "without gnuplot and fonts" "dnf install gnuplot-minimal google-noto-sans-cjk-fonts" \
  "Building build/release"
new_system dnf c++ cmake ninja pkg-config fc-list espeak-ng
expect 0 build "without gnuplot, which" "dnf install gnuplot-minimal" "Building build/release"
new_system dnf c++ cmake ninja pkg-config gnuplot fc-list
expect 0 build "without espeak-ng, which" "dnf install espeak-ng" "Building build/release"
cat >"$work/bin/pkg-config" <<'END'
#!/bin/sh
case "$*" in *sndfile* | *samplerate* | *kissfft*) exit 1 ;; esac
END
expect 0 build "without sndfile and samplerate and kissfft and espeak-ng, which" libsamplerate-devel
new_system dnf c++ cmake ninja pkg-config gnuplot fc-list espeak-ng
expect 0 build "Building build/release"
[[ $out != *install* ]] || fail "nothing was missing"
