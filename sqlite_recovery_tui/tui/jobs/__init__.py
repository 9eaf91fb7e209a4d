"""Jobs: long work of the session, each with its command line, its progress and its end."""

from sqlite_recovery_tui.tui.jobs.job import Job, JobState, Kind
from sqlite_recovery_tui.tui.jobs.restore import RestoreJob
from sqlite_recovery_tui.tui.jobs.resume import ResumeJob
from sqlite_recovery_tui.tui.jobs.session import Jobs
from sqlite_recovery_tui.tui.jobs.verify import VerifyJob

__all__ = ["Job", "JobState", "Jobs", "Kind", "RestoreJob", "ResumeJob", "VerifyJob"]
