# shellcheck shell=bash disable=SC2154
say "Topics: four models that read dictionary glosses"
program --epochs 3 --pictures "$out"
say "The glosses nearest to a query, by shared words and by embedding"
program --model embedding_bag --features words --epochs 4 --query "a large wild cat"
