"""Verdicts of an archive of any size, by Dask, on one machine or many: Parquet, a row a photo.

`listing` streams the photos of the folders that are named; `manifest` keeps them on disk, in parts
that never change; `worker` judges a part where there is a processor for it; `running` hands the
parts out and sees to it that each is there once, whatever dies; `totals` reads them all again.
"""
