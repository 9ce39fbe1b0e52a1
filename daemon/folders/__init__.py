"""Safe access to files on shares and disks, and by what a folder is known again."""
