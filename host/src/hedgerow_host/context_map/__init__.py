"""The context map: what hosted contexts are to each other, and the forms in which one may look at it."""
