package bench

import (
	"bufio"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// process is what /proc tells of one process. Where there is no /proc, or the
// server runs elsewhere, a nil process answers zeros.
type process struct {
	pid  int
	name string
	tree bool // its children count, too
}

// usage is a process's memory in bytes and the CPU time it has used.
type usage struct {
	rss int64
	cpu time.Duration
}

// clockTicks is what the kernel counts CPU time in, per second, on every
// platform that Linux runs Go on.
const clockTicks = 100

func (p *process) usage() usage {
	if p == nil {
		return usage{}
	}
	u := usageOf(p.pid)
	if p.tree {
		for _, child := range children(p.pid) {
			c := (&process{pid: child, tree: true}).usage()
			u.rss, u.cpu = u.rss+c.rss, u.cpu+c.cpu
		}
	}
	return u
}

// children are the processes that pid has started and that run.
func children(pid int) (found []int) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return nil
	}
	for _, task := range tasks {
		data, err := os.ReadFile(task)
		if err != nil {
			continue // it has ended
		}
		for _, field := range strings.Fields(string(data)) {
			if child, err := strconv.Atoi(field); err == nil {
				found = append(found, child)
			}
		}
	}
	return found
}

func usageOf(pid int) (u usage) {
	dir := "/proc/" + strconv.Itoa(pid)
	if data, err := os.ReadFile(filepath.Join(dir, "statm")); err == nil {
		if fields := strings.Fields(string(data)); len(fields) > 1 {
			pages, _ := strconv.ParseInt(fields[1], 10, 64) // the kernel writes numbers
			u.rss = pages * int64(os.Getpagesize())
		}
	}
	if data, err := os.ReadFile(filepath.Join(dir, "stat")); err == nil {
		u.cpu = cpuOf(string(data))
	}
	return u
}

// cpuOf adds up utime and stime, fields 14 and 15 of proc(5) stat. The name in
// field 2 may contain spaces and ends at the last parenthesis.
func cpuOf(stat string) time.Duration {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64) // the kernel writes numbers
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * time.Second / clockTicks
}

// self is the generator.
func self() *process { return &process{pid: os.Getpid()} }

// listener returns the process that listens on u's port on this machine, nil
// if there is none to be seen.
func listener(u *url.URL) *process {
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		return nil
	}
	sockets := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		if f, err := os.Open(table); err == nil {
			listeners(bufio.NewScanner(f), port, sockets)
			f.Close()
		}
	}
	if len(sockets) == 0 {
		return nil
	}
	return holder(sockets)
}

// listeners adds the listening sockets on port, as /proc/PID/fd names them.
func listeners(table *bufio.Scanner, port uint64, out map[string]bool) {
	const listening = "0A"
	for table.Scan() {
		fields := strings.Fields(table.Text())
		if len(fields) < 10 || fields[3] != listening {
			continue
		}
		_, hex, _ := strings.Cut(fields[1], ":")
		if got, err := strconv.ParseUint(hex, 16, 16); err == nil && got == port {
			out["socket:["+fields[9]+"]"] = true
		}
	}
}

// holder finds the process that has one of the sockets open.
func holder(sockets map[string]bool) *process {
	fds, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return nil
	}
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err == nil && sockets[target] {
			if pid, err := strconv.Atoi(strings.Split(fd, "/")[2]); err == nil {
				return &process{pid: pid}
			}
		}
	}
	return nil
}

// Machine is where a run took place.
type Machine struct {
	CPU   string `json:"cpu"`
	Cores int    `json:"cores"`
	OS    string `json:"os"`
	Go    string `json:"go"`
}

func thisMachine() Machine {
	m := Machine{CPU: "unknown", Cores: runtime.NumCPU(), OS: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version()}
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return m
	}
	for line := range strings.Lines(string(data)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			m.CPU = strings.TrimSpace(value)
			break
		}
	}
	return m
}
