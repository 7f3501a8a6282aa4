# shellcheck shell=bash disable=SC2154
say "Handwriting: scanned digits row by row, and synthetic drawings by the path of the pen"
program --task rows strokes image --epochs 12 --pictures "$out"
