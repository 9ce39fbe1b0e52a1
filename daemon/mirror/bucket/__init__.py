"""The mirror's bucket: copies of files in S3-compatible storage, and a lost box made of them.

Reports, results, backups and learnt versions, and the photos where that is wanted, go there in a
thread of its own. What happens to it delays copies, never photos.
"""
