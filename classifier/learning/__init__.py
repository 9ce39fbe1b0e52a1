"""A lesson: a head learnt in NumPy from examples, over what the base says its labels looked like.

`base` holds what comes with the bundle, `examples` what people said and who belongs together,
`fitting` makes a head of both, `calibration` says what its scores are worth, `comparison` and
`coherence` whether it should be used, and `lesson` is the whole. No folders, queues or clocks: a
lesson is a function of its examples, whatever their order, and always learnt anew from the base.
"""
