"""Training of model bundles: photos in folders go in, models/<name>/ comes out.

Only `network` and `export` import TensorFlow; everything else here works without it.
"""
