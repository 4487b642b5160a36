"""Systems of others: what each can do, how an installation of one's own is asked, and the pictures that it made."""
