"""What a trained generator can be asked for: samples, interpolations, arithmetic, exports, a page to play with."""
