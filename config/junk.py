"""What is never a photo, by its name: what file managers, copying programs and storage leave."""

from __future__ import annotations

# Bins, snapshots and the like that network storage, Windows and macOS show inside a share: what
# lies there was deleted, or is a copy. Hidden ones (.recycle, .zfs, .Trash-1000) are junk by ".*".
# Synology: #recycle, #snapshot, @eaDir, @tmp, @SynoEAStream. QNAP: @Recycle, Network Recycle Bin 1,
# @Recently-Snapshot. NetApp: ~snapshot. Samba: @GMT-…. Netgear, D-Link, Western Digital: Recycle
# Bin …. Buffalo: trashbox. Thecus: _NAS_Recycle_…. Netatalk: :2e…. Nextcloud: files_trashbin.
STORAGE = (
    "[#@~$]*recycle*", "[#@~$]*recently*", "[#@~$]*snapshot*", "[#@~$]*trash*", "[#@~$]*bin",
    "@GMT-*", "@eaDir", "@tmp", "@sharebin", "@transcode", "@upload*", "@database*", "@apps*",
    "#sync", "*@SynoEAStream", "*@SynoResource", "_NAS_Recycle_*", "*recycle bin*", "recyclebin",
    "recycler", "recycled", "trashbox", "files_trashbin", "files_versions", "lost+found",
    "found.[0-9][0-9][0-9]", "Network Trash Folder", "Temporary Items", "TheVolumeSettingsFolder",
    "TheFindByContentFolder", ":2e*", "System Volume Information",
)  # fmt: skip

# Written by file managers, by programs still copying, and by network storage: never photos.
JUNK = (
    ".*", "~$*", "Thumbs.db", "desktop.ini", "Icon\r", *STORAGE,
    "*.part", "*.partial", "*.tmp", "*.temp", "*.crdownload", "*.filepart", "*.!ut",
)  # fmt: skip
