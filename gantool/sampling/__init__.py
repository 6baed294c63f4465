"""Drawing from a trained generator: grids, samples, interpolations, arithmetic, exports, a page."""
