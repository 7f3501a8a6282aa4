# shellcheck shell=bash disable=SC2154
say "Pronunciation: letters to phonemes, after a short training"
program --hidden 96 --epochs 2 --pictures "$out" --word unroll
