#!/bin/sh
# Draws the PNG icons from their SVGs; needs chromium and optipng. The pictures are committed: this runs when an SVG has changed.
set -eu
cd "$(dirname "$0")/.."
draw() { # SVG, size, PNG
  chromium --headless --no-sandbox --hide-scrollbars --default-background-color=00000000 --window-size="$2,$2" --screenshot="$PWD/$3" "file://$PWD/$1" 2>/dev/null
  optipng -quiet -o7 -strip all "$3"
}
draw public/_parley/icon.svg 192 public/_parley/icon-192.png
draw icons/maskable.svg 512 public/_parley/icon-maskable.png
