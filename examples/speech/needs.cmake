# WAV files, their sampling rates, and the Fourier transform. espeak-ng is needed at run time only.
pkg_check_modules(sndfile IMPORTED_TARGET sndfile)
pkg_check_modules(samplerate IMPORTED_TARGET samplerate)
pkg_check_modules(kissfft IMPORTED_TARGET kissfft-float)
if(sndfile_FOUND AND samplerate_FOUND AND kissfft_FOUND)
  set(libraries PkgConfig::sndfile PkgConfig::samplerate PkgConfig::kissfft)
else()
  set(absent "libsndfile (libsndfile1-dev), libsamplerate (libsamplerate0-dev) and KissFFT (libkissfft-dev)")
endif()
