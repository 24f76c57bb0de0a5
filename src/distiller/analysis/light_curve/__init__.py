"""Light curves of sources: the flux by run, by night or in bins of fixed length."""
