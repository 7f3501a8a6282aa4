# shellcheck shell=bash disable=SC2154
say "DNA: where does a gene's splice junction lie?"
program --pictures "$out"
say "DNA: a model that is kept, and what it says of new sequences"
program --data data/samples/promoter.tsv --model motifs --save "$out/promoters.safetensors" >/dev/null
program --load "$out/promoters.safetensors" --predict data/samples/promoter.tsv --out "$out/promoters_predicted.csv"
head -n 4 "$out/promoters_predicted.csv"
