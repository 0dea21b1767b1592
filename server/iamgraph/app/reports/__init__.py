"""Reports about a whole account: what there is, who has which credentials, who used what."""
