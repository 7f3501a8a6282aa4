# shellcheck shell=bash disable=SC2154
say "Languages: which one is a snippet of 5 to 40 characters?"
program --epochs 4 --pictures "$out" --text "모든 인간은 태어날 때부터"
