# shellcheck shell=bash disable=SC2154
say "Speech: a network learns thirty words from synthetic voices, and writes what other voices say"
program --pictures "$out" --save "$out/speech.safetensors"
say "The same model listens to a stream"
espeak-ng -m -v en-us+m3 --stdout "<speak>seven <break time='500ms'/> backward <break time='500ms'/> stop</speak>" |
  program --load "$out/speech.safetensors" --stream
