package specs

import "embed"

// FS holds every spec at its path in this folder, such as "kernel/v35_integrated.tau".
//
//go:embed kernel/*.tau
var FS embed.FS

// KernelV35 is the default kernel's path within FS.
const KernelV35 = "kernel/v35_integrated.tau"
