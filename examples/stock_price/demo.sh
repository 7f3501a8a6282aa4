# shellcheck shell=bash disable=SC2154
say "Stock prices: tomorrow's return of four indexes, as a distribution"
program --pictures "$out"
say "The same, saved and asked about a file: the last days, and the next"
program --model gru --save "$out/prices.safetensors" >/dev/null
program --load "$out/prices.safetensors" --predict data/samples/eustockmarkets.csv --out "$out/prices_predicted.csv"
head -n 1 "$out/prices_predicted.csv"
tail -n 8 "$out/prices_predicted.csv"
