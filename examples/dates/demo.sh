# shellcheck shell=bash disable=SC2154
say "Dates in 15 locales to ISO 8601, and what the decoder looks at"
program --hidden 96 --epochs 2 --pictures "$out" --date "3 août 2030"
