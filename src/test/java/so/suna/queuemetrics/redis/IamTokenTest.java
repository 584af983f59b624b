package so.suna.queuemetrics.redis;

import static java.time.ZoneOffset.UTC;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.time.Clock;
import java.time.Instant;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.AwsSessionCredentials;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.regions.Region;

/** Our tokens against those that botocore signs; record_iam_token.py made them. */
class IamTokenTest {

  private static final Login.Iam LOGIN = new Login.Iam("publisher", "suna-redis", false);

  /** With which keys and when botocore signed. */
  record Signer(
      String region,
      String accessKey,
      String secretKey,
      @Nullable String sessionToken,
      String signedAt) {

    AwsCredentials credentials() {
      return sessionToken == null
          ? AwsBasicCredentials.create(accessKey, secretKey)
          : AwsSessionCredentials.create(accessKey, secretKey, sessionToken);
    }

    IamToken ours(AwsCredentialsProvider credentials) {
      return new IamToken(
          credentials, () -> Region.of(region), Clock.fixed(Instant.parse(signedAt), UTC));
    }
  }

  /** One token of botocore's and what it was made from. */
  record Signed(String cache, String user, boolean serverless, Signer signer, String token) {}

  static List<Signed> signedByBotocore() throws IOException {
    return List.of(
        JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .build()
            .readValue(
                Objects.requireNonNull(IamTokenTest.class.getResourceAsStream("iam-tokens.json")),
                Signed[].class));
  }

  @ParameterizedTest
  @MethodSource("signedByBotocore")
  void tokenHasTheParametersAndTheSignatureOfBotocore(Signed expected) {
    Signer signer = expected.signer();
    String token =
        signer
            .ours(signer::credentials)
            .sign(new Login.Iam(expected.user(), expected.cache(), expected.serverless()));
    assertThat(token).startsWith(expected.cache() + "/?").doesNotContain(signer.secretKey());
    // Their order differs, which neither a query nor the signature minds.
    assertThat(parameters(token)).containsExactlyInAnyOrderElementsOf(parameters(expected.token()));
  }

  @Test
  void fixturesHoldTokensForBothKindsOfCachesWithAndWithoutSession() throws Exception {
    assertThat(signedByBotocore()).extracting(Signed::serverless).contains(true, false);
    assertThat(signedByBotocore())
        .extracting(signed -> signed.signer().sessionToken())
        .contains((String) null)
        .anyMatch(token -> token != null && token.contains("+"));
  }

  @Test
  void eachTokenIsSignedWithTheCredentialsOfItsMoment() throws Exception {
    Iterator<String> keys = List.of("AKIDBEFORE", "AKIDAFTER").iterator();
    IamToken signer =
        signedByBotocore()
            .getFirst()
            .signer()
            .ours(() -> AwsBasicCredentials.create(keys.next(), "secret"));
    assertThat(signer.sign(LOGIN)).contains("X-Amz-Credential=AKIDBEFORE%2F");
    assertThat(signer.sign(LOGIN)).contains("X-Amz-Credential=AKIDAFTER%2F");
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
    assertThatThrownBy(() -> signer.sign(LOGIN))
        .isInstanceOf(RedisException.class)
        .hasMessage(
            "no token for the Redis login of publisher at cache suna-redis"
                + " (REDIS_AUTHENTICATION, REDIS_USER, REDIS_CACHE_NAME): Unable to load credentials");
  }

  private static List<String> parameters(String token) {
    return List.of(token.substring(token.indexOf('?') + 1).split("&"));
  }
}
