# shellcheck shell=bash disable=SC2154
say "Language model: a short training on the King James text, and what it writes"
program --model gru --hidden 256 --budget 1000000 --generate "And it came to pass" --length 300 --pictures "$out"
