package feed_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration/feed"
)

// The vectors were made with sha256sum: receivers compute the same, so these must never change.

func TestARecordsDigestIsTheBeginningOfTheHashOfItsData(t *testing.T) {
	t.Parallel()
	require.Equal(t, "ba38aa6d70febe76", feed.Digest([]byte(`{"id":"68719490017","priced":false}`)))
	require.Equal(t, "e3b0c44298fc1c14", feed.Digest(nil))
}

func TestARecordsBucketIsTheFirstTwelveBitsOfTheHashOfItsID(t *testing.T) {
	t.Parallel()
	require.Equal(t, 0xe56, feed.Bucket("68719490017"))
	require.Equal(t, 0x412, feed.Bucket("68719490018"))
}

func TestABucketsDigestIsThatOfItsLinesInOrderOfTheirIDs(t *testing.T) {
	t.Parallel()
	require.Equal(t, "61c44d254df40d8c", feed.BucketDigest(map[string]string{"68719490018": "bbbbbbbbbbbbbbbb", "68719490017": "aaaaaaaaaaaaaaaa"}))
	require.Equal(t, "e3b0c44298fc1c14", feed.BucketDigest(nil))
}

func TestWhatNoSinkWasToldOfIsNoRecordOfTheirs(t *testing.T) {
	t.Parallel()
	told := feed.Entry{Digest: feed.Digest([]byte(`{}`))}
	require.Equal(t, map[string]string{"1/W1": told.Digest}, feed.Records(map[string]feed.Entry{"1/W1": told, "1": {Digest: feed.Digest(nil), Note: "W1"}}))
}
