package ledger

// Progress is called while something long goes on, with the bytes that are done and all that there are to do. It returns fast. Nil is none.
type Progress func(done, total int64)

// meter counts what several steps do towards one total.
type meter struct {
	tell        Progress
	done, total int64
}

func (m *meter) add(n int64) {
	m.done += n
	if m.tell != nil {
		m.tell(m.done, max(m.total, m.done))
	}
}

// step is the Progress of one step, which counts from 0.
func (m *meter) step() Progress {
	before := m.done
	return func(done, _ int64) { m.add(before + done - m.done) }
}

// lines is how many bytes of lines the folder has, without those of pruned records: what a verification reads.
func (f *folder) lines() (n int64) {
	for i := range f.entries {
		if !f.entries[i].Pruned {
			n += f.entries[i].Bytes
		}
	}
	for _, s := range f.tail {
		n += s.size
	}
	return n
}

// files is how many bytes of files the folder has, as a copy takes them.
func (f *folder) files() (n int64) {
	for i := range f.entries {
		e := &f.entries[i]
		if n += treeFileSize(e.First, e.next()); !e.Pruned {
			n += e.Packed
		}
	}
	for _, s := range f.tail {
		n += s.size
	}
	return n
}
