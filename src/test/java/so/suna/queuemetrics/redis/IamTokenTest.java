package so.suna.queuemetrics.redis;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.time.ZoneOffset.UTC;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.FieldNamingPolicy;
import com.google.gson.GsonBuilder;
import java.io.InputStreamReader;
import java.io.Reader;
import java.time.Clock;
import java.time.Instant;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentials;
import software.amazon.awssdk.auth.credentials.AwsSessionCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.regions.Region;

/** Our tokens against those that botocore signs; record_iam_token.py made them. */
class IamTokenTest {

  /** One token of botocore's and what it was made from. */
  record Signed(
      String cache,
      String user,
      boolean serverless,
      String region,
      String accessKey,
      String secretKey,
      @Nullable String sessionToken,
      String signedAt,
      String token) {

    AwsCredentials credentials() {
      return sessionToken == null
          ? AwsBasicCredentials.create(accessKey, secretKey)
          : AwsSessionCredentials.create(accessKey, secretKey, sessionToken);
    }

    IamToken signer() {
      return new IamToken(
          StaticCredentialsProvider.create(credentials()),
          () -> Region.of(region),
          Clock.fixed(Instant.parse(signedAt), UTC));
    }
  }

  /** Serverless caches run in cluster mode, which Dramatiq cannot use. */
  static List<Signed> signedByBotocore() throws Exception {
    var gson =
        new GsonBuilder()
            .setFieldNamingPolicy(FieldNamingPolicy.LOWER_CASE_WITH_UNDERSCORES)
            .create();
    try (Reader json =
        new InputStreamReader(
            Objects.requireNonNull(IamTokenTest.class.getResourceAsStream("iam-tokens.json")),
            UTF_8)) {
      return Arrays.stream(gson.fromJson(json, Signed[].class))
          .filter(signed -> !signed.serverless())
          .toList();
    }
  }

  @ParameterizedTest
  @MethodSource("signedByBotocore")
  void tokenHasTheParametersAndTheSignatureOfBotocore(Signed expected) {
    String token = expected.signer().sign(new Login.Iam(expected.user(), expected.cache()));
    assertThat(token).startsWith(expected.cache() + "/?");
    // Their order differs, which neither a query nor the signature minds.
    assertThat(parameters(token)).containsExactlyInAnyOrderElementsOf(parameters(expected.token()));
  }

  @Test
  void fixturesHoldTokensWithAndWithoutSession() throws Exception {
    assertThat(signedByBotocore()).extracting(Signed::sessionToken).contains((String) null);
    assertThat(signedByBotocore())
        .extracting(Signed::sessionToken)
        .anyMatch(token -> token != null && token.contains("+"));
  }

  @Test
  void eachTokenIsSignedWithTheCredentialsOfItsMoment() throws Exception {
    Signed first = signedByBotocore().getFirst();
    Iterator<AwsCredentials> rotated =
        Stream.of(
                AwsBasicCredentials.create("AKIDBEFORE", "secret"),
                AwsBasicCredentials.create("AKIDAFTER", "secret"))
            .map(AwsCredentials.class::cast)
            .iterator();
    var signer =
        new IamToken(
            rotated::next,
            () -> Region.of(first.region()),
            Clock.fixed(Instant.parse(first.signedAt()), UTC));
    var login = new Login.Iam("publisher", "suna-redis");
    assertThat(signer.sign(login)).contains("X-Amz-Credential=AKIDBEFORE%2F");
    assertThat(signer.sign(login)).contains("X-Amz-Credential=AKIDAFTER%2F");
  }

  @Test
  void secretKeyIsNotInTheToken() throws Exception {
    Signed signed = signedByBotocore().getFirst();
    assertThat(signed.signer().sign(new Login.Iam("publisher", "suna-redis")))
        .doesNotContain(signed.secretKey());
  }

  @Test
  void missingCredentialsFailTheSigning() {
    var signer =
        new IamToken(
            () -> {
              throw SdkClientException.create("Unable to load credentials");
            },
            () -> Region.US_WEST_2,
            Clock.systemUTC());
    assertThatThrownBy(() -> signer.sign(new Login.Iam("publisher", "suna-redis")))
        .isInstanceOf(SdkClientException.class)
        .hasMessage("Unable to load credentials");
  }

  private static List<String> parameters(String token) {
    return List.of(token.substring(token.indexOf('?') + 1).split("&"));
  }
}
