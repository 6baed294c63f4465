"""Points in the plane, whose truth is a formula."""
