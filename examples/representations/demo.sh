# shellcheck shell=bash disable=SC2154
say "Representations of text: bags of words, one-hot vectors, embeddings"
program --epochs 1 --pictures "$out"
