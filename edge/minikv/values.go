package minikv

import (
	"encoding/binary"
	"math"
)

// load reads a key's value out of miniredis; false: it does not exist.
func (s *Store) load(i *image) bool {
	if v, err := s.db.Get(i.key); err == nil {
		i.form, i.one = formString, v
		return true
	}
	switch s.db.Type(i.key) {
	case "hash":
		i.form = formHash
		fields, _ := s.db.HKeys(i.key)
		for _, f := range fields {
			i.parts = append(i.parts, f, s.db.HGet(i.key, f))
		}
	case "list":
		i.form = formList
		items, _ := s.db.List(i.key)
		i.parts = append(i.parts, items...)
	case "set":
		i.form = formSet
		i.parts, _ = s.db.Members(i.key)
	case "zset":
		i.form = formZset
		members, _ := s.db.SortedSet(i.key)
		for m, score := range members {
			i.parts = append(i.parts, m, string(binary.BigEndian.AppendUint64(nil, math.Float64bits(score))))
		}
	default:
		i.form = formNone
		return false
	}
	return true
}

// store puts an image back into an empty key of miniredis.
func (s *Store) store(i *image) error {
	switch i.form {
	case formString:
		return s.db.Set(i.key, i.one)
	case formHash:
		s.db.HSet(i.key, i.parts...)
	case formList:
		_, err := s.db.Push(i.key, i.parts...)
		return err
	case formSet:
		_, err := s.db.SetAdd(i.key, i.parts...)
		return err
	case formZset:
		for p := i.parts; len(p) > 1; p = p[2:] {
			if len(p[1]) != 8 {
				return errRecord
			}
			score := math.Float64frombits(binary.BigEndian.Uint64([]byte(p[1])))
			if _, err := s.db.ZAdd(i.key, score, p[0]); err != nil {
				return err
			}
		}
	}
	return nil
}
