"""What people read of the runs: pages, workbooks, lists; made from the store, whenever wanted."""
