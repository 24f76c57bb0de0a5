"""The job table: the store of jobs on Django's ORM."""
