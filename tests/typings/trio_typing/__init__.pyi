from trio import TaskStatus as TaskStatus
