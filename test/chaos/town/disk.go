package town

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// Disk is a small file system.
type Disk struct{ path string }

// disk mounts one of so many megabytes on a folder, where the town has small disks.
func (t *Town) disk(name, path string, megabytes int) error {
	if !t.SmallDisks {
		return nil
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm", megabytes), "tmpfs", path).CombinedOutput(); err != nil {
		return fmt.Errorf("small disks are mounted, which needs root: %w: %s", err, out)
	}
	d := &Disk{path}
	t.Disks[name] = d
	t.closers = append([]func() error{d.close}, t.closers...) // before its folder is removed
	return nil
}

func (d *Disk) close() error {
	if out, err := exec.Command("umount", "-l", d.path).CombinedOutput(); err != nil {
		return fmt.Errorf("umount: %w: %s", err, out)
	}
	return nil
}

func (d *Disk) ballast() string { return filepath.Join(d.path, "ballast") }

// Fill writes until there is no space.
func (d *Disk) Fill() error {
	f, err := os.Create(d.ballast())
	if err != nil {
		return err
	}
	defer f.Close()
	for size := 1 << 20; size >= 1; {
		switch _, err := f.Write(make([]byte, size)); {
		case errors.Is(err, syscall.ENOSPC):
			size /= 2
		case err != nil:
			return err
		}
	}
	return nil
}

// Free gives the space back.
func (d *Disk) Free() error { return os.Remove(d.ballast()) }
