package so.suna.queuemetrics.kit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.time.ZoneOffset.UTC;

import com.google.gson.FieldNamingPolicy;
import com.google.gson.GsonBuilder;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.AwsSessionCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;

/** With which keys and when botocore signed what checks/fixtures recorded of it. */
public record BotocoreSigner(
    String region,
    String accessKey,
    String secretKey,
    @Nullable String sessionToken,
    String signedAt) {

  /** The records in the file beside their type. */
  public static <T> List<T> recorded(Class<T[]> type, String file) throws IOException {
    var gson =
        new GsonBuilder()
            .setFieldNamingPolicy(FieldNamingPolicy.LOWER_CASE_WITH_UNDERSCORES)
            .create();
    try (Reader json =
        new InputStreamReader(Objects.requireNonNull(type.getResourceAsStream(file)), UTF_8)) {
      return List.of(gson.fromJson(json, type));
    }
  }

  public AwsCredentialsProvider credentials() {
    return StaticCredentialsProvider.create(
        sessionToken == null
            ? AwsBasicCredentials.create(accessKey, secretKey)
            : AwsSessionCredentials.create(accessKey, secretKey, sessionToken));
  }

  public Clock clock() {
    return Clock.fixed(Instant.parse(signedAt), UTC);
  }
}
