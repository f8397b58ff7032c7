// Command pause is the process that holds a pod's namespaces open: process 1 of every pod sandbox. It reaps the orphans that
// end up with it in pods that share their process namespace, and exits at SIGINT or SIGTERM.
package main
