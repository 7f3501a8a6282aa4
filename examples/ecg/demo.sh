# shellcheck shell=bash disable=SC2154
say "Heart beats: the next sample as a distribution, and the most unusual beats"
program --epochs 20 --pictures "$out" --save "$out/ecg.safetensors"
say "The same model asked for the score of every beat"
program --load "$out/ecg.safetensors" --predict data/samples/ecg_mitbih208_360hz.u16le --out "$out/ecg_beats.csv"
head -n 5 "$out/ecg_beats.csv"
