package so.suna.queuemetrics.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.time.Clock;
import java.util.Iterator;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import so.suna.queuemetrics.kit.BotocoreSigner;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentials;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.regions.Region;

/** Our tokens against those that botocore signs; record_iam_token.py made them. */
class IamTokenTest {

  /** One token of botocore's and what it was made from. */
  record Signed(
      String cache, String user, boolean serverless, BotocoreSigner signer, String token) {

    IamToken ours() {
      return new IamToken(signer.credentials(), () -> Region.of(signer.region()), signer.clock());
    }
  }

  static List<Signed> signedByBotocore() throws IOException {
    return BotocoreSigner.recorded(Signed[].class, "iam-tokens.json");
  }

  @ParameterizedTest
  @MethodSource("signedByBotocore")
  void tokenHasTheParametersAndTheSignatureOfBotocore(Signed expected) {
    String token =
        expected
            .ours()
            .sign(new Login.Iam(expected.user(), expected.cache(), expected.serverless()));
    assertThat(token).startsWith(expected.cache() + "/?");
    // Their order differs, which neither a query nor the signature minds.
    assertThat(parameters(token)).containsExactlyInAnyOrderElementsOf(parameters(expected.token()));
  }

  @Test
  void fixturesHoldTokensForBothKindsOfCaches() throws Exception {
    assertThat(signedByBotocore()).extracting(Signed::serverless).contains(true, false);
  }

  @Test
  void fixturesHoldTokensWithAndWithoutSession() throws Exception {
    assertThat(signedByBotocore())
        .extracting(signed -> signed.signer().sessionToken())
        .contains((String) null)
        .anyMatch(token -> token != null && token.contains("+"));
  }

  @Test
  void eachTokenIsSignedWithTheCredentialsOfItsMoment() throws Exception {
    BotocoreSigner first = signedByBotocore().getFirst().signer();
    Iterator<AwsCredentials> rotated =
        Stream.of(
                AwsBasicCredentials.create("AKIDBEFORE", "secret"),
                AwsBasicCredentials.create("AKIDAFTER", "secret"))
            .map(AwsCredentials.class::cast)
            .iterator();
    var signer = new IamToken(rotated::next, () -> Region.of(first.region()), first.clock());
    var login = new Login.Iam("publisher", "suna-redis", false);
    assertThat(signer.sign(login)).contains("X-Amz-Credential=AKIDBEFORE%2F");
    assertThat(signer.sign(login)).contains("X-Amz-Credential=AKIDAFTER%2F");
  }

  @Test
  void secretKeyIsNotInTheToken() throws Exception {
    Signed signed = signedByBotocore().getFirst();
    assertThat(signed.ours().sign(new Login.Iam("publisher", "suna-redis", false)))
        .doesNotContain(signed.signer().secretKey());
  }

  @Test
  void missingCredentialsAreNamedWithTheSettings() {
    var signer =
        new IamToken(
            () -> {
              throw SdkClientException.create("Unable to load credentials");
            },
            () -> Region.US_WEST_2,
            Clock.systemUTC());
    assertThatThrownBy(() -> signer.sign(new Login.Iam("publisher", "suna-redis", false)))
        .isInstanceOf(RedisException.class)
        .hasMessage(
            "no token for the Redis login of publisher at cache suna-redis"
                + " (REDIS_AUTHENTICATION, REDIS_USER, REDIS_CACHE_NAME): Unable to load credentials");
  }

  private static List<String> parameters(String token) {
    return List.of(token.substring(token.indexOf('?') + 1).split("&"));
  }
}
