package wire

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is decoded must encode again, and decode to the same bytes from then on.

func FuzzDecode(f *testing.F) {
	for _, v := range everyValue {
		b, err := Append(nil, v)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		v, _, err := Decode(in)
		if err != nil {
			return
		}
		once, err := Append(nil, v)
		require.NoError(t, err)
		again, rest, err := Decode(once)
		require.NoError(t, err)
		require.Empty(t, rest)
		twice, err := Append(nil, again)
		require.NoError(t, err)
		require.Equal(t, once, twice)
	})
}

func FuzzReadFrame(f *testing.F) {
	for _, p := range everyPerformative {
		b, err := AppendFrame(nil, Frame{Body: p})
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		frame, err := ReadFrame(bytes.NewReader(in), 65536)
		if err != nil {
			return
		}
		once, err := AppendFrame(nil, frame)
		require.NoError(t, err)
		again, err := ReadFrame(bytes.NewReader(once), 1<<30)
		require.NoError(t, err)
		twice, err := AppendFrame(nil, again)
		require.NoError(t, err)
		require.Equal(t, once, twice)
	})
}

func FuzzUnmarshal(f *testing.F) {
	whole, err := Marshal(full())
	require.NoError(f, err)
	f.Add(whole)
	f.Add(append(DataBody(whole), DataBody(whole)...))
	f.Add(append(DataBody(nil), 0x00, 0x53, 0x77, 0xc1, 1, 0))
	f.Fuzz(func(t *testing.T, in []byte) {
		_, _ = SplitBatch(bytes.Clone(in))
		m, err := Unmarshal(in)
		if err != nil {
			return
		}
		_, _ = m.Value()
		once, err := Marshal(m)
		require.NoError(t, err)
		again, err := Unmarshal(once)
		require.NoError(t, err)
		require.Equal(t, m.Body, again.Body)
		twice, err := Marshal(again)
		require.NoError(t, err)
		require.Equal(t, once, twice)
	})
}
