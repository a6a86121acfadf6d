"""The local agency: intake, submissions, custody, and the clock."""
